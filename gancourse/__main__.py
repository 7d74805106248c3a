"""`python -m gancourse` is the command `gancourse`: what torchrun starts in every process."""

from gancourse.cli import main

main()
