"""What is added here on a copy of the project, to see that it takes as little as ``CONTRIBUTING.md`` says."""
