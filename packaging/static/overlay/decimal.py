"""decimal for an executable in which nothing counts with it.

msgspec asks for the class by name, to know its values; CPython's own version in Python would be
600 kB of the agent's memory. Making a value is refused rather than done in some other way.
"""


class Decimal:
    def __new__(cls, *_: object) -> "Decimal":
        raise TypeError("this executable has no decimal numbers")
