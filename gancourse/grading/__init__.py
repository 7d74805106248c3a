"""What nbgrader needs to survive a real class: preprocessors that nbgrader_config.py puts into its pipeline."""
