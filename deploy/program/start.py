"""What the packaged program runs first."""

from surtitle.cli.packaged import main

main()
