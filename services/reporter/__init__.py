"""The monthly mail of the policy report: when it is due, what it says, and handing it to the notifier."""
