"""msgspec without JSON, YAML, TOML and JSON Schema: the agent speaks msgpack."""

from . import _utils as _utils
from . import msgpack as msgpack
from . import structs as structs
from ._core import Meta as Meta
from ._core import MsgspecError as MsgspecError
from ._core import Raw as Raw
from ._core import Struct as Struct
from ._core import ValidationError as ValidationError
from ._core import to_builtins as to_builtins
