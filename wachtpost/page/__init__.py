"""The live page in a browser: a small service of its own that asks the evaluator and the notifier."""
