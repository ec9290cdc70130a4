"""An object whose way to become an array ends the process."""


class Liar:
    def __array__(self, *_, **__):
        raise SystemExit(7)


def softmax(x):
    return Liar()
