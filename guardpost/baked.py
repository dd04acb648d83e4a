"""What build_frozen.py put into this executable: its parts, their licences, and a configuration.

In a checkout or an installed package nothing is baked in, and FACTS says so. This is the only
reader of the module that the build writes.
"""

# typing's own constant would cost an import of typing, half of all that `--version` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

try:
    from guardpost import _baked
except ImportError:
    _baked = None  # type: ignore[assignment]

__all__ = ["FACTS", "WHERE", "Facts"]

WHERE = "baked in"
"""Where something comes from, in what people read of it."""


class Facts:
    """As `source`, a module like guardpost._baked, has them; None: nothing is baked in."""

    def __init__(self, source: "ModuleType | None") -> None:
        def text(name: str) -> str:
            return str(getattr(source, name, ""))

        self.variant = text("VARIANT")
        """"agent", "full", "onefile"; "" when this is no executable of ours."""
        self.target = text("TARGET")
        self.authorized = text("AUTHORIZED")
        """Lines of authorized_consoles."""
        self.policy = text("POLICY")
        """An agent.toml."""
        self.password_hashes = text("PASSWORD_HASHES")
        """Lines of an accounts file."""
        self.parts: tuple[tuple[str, str], ...] = getattr(source, "PARTS", ())
        """What it was linked from, with versions."""
        self._seed = text("IDENTITY_SEED")
        self._licenses: bytes | tuple[tuple[str, str], ...] = getattr(source, "LICENSES", ())

    @property
    def private_key(self) -> bytes | None:
        """The agent's own key, 32 bytes: a secret, which nothing may print."""
        return bytes.fromhex(self._seed) if self._seed else None

    @property
    def holds_secrets(self) -> bool:
        """Whether this executable is for nobody but its owner to read."""
        return bool(self._seed or self.password_hashes)

    def licenses(self) -> "tuple[tuple[str, str], ...]":
        """(part, the whole text of its licence) for everything inside.

        The build may have packed them: zlib over JSON, a list of such pairs.
        """
        if not isinstance(self._licenses, bytes):
            return self._licenses
        import json
        import zlib

        return tuple((part, text) for part, text in json.loads(zlib.decompress(self._licenses)))


FACTS = Facts(_baked)
