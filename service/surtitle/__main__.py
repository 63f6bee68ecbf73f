"""`python -m surtitle`."""

from surtitle.cli.main import main

main()
