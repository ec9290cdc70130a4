"""`python -m stabcheck` is `stabcheck`."""

from stabcheck.cli import main

if __name__ == "__main__":
    main()
