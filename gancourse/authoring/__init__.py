"""What authors and instructors use to build the course from its text: `python -m gancourse.authoring --help`."""
