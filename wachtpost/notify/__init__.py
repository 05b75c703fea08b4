"""The commands about breaches and the notifier: what is going on, who was told, who takes it on."""
