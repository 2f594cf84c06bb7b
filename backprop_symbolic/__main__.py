"""`python -m backprop_symbolic` is the command `backprop`."""

from backprop_symbolic.cli import main

if __name__ == "__main__":
    main()
