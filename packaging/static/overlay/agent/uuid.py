"""What msgspec asks of uuid by name, to know its values, of which the agent has none."""


class SafeUUID:
    unknown = None


class UUID:
    def __new__(cls, *_: object) -> "UUID":
        raise TypeError("this executable has no UUIDs")
