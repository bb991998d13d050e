"""What can go wrong in this room, as one tree.

```
ModelError
├── ArtefactError     a weights folder is absent, incomplete, altered or of another format
├── EngineError       the asked engine cannot run here (its library is not installed)
│   ├── DeviceMemoryError   a batch does not fit the memory of a GPU; a smaller one may
│   └── DeviceLostError     a GPU does not answer any more
├── ConfigError       a training configuration holds a value that does not exist or cannot work
├── DataError         a labelled file or folder cannot be read; names file and line
└── PretrainedError   the pre-trained encoder is absent or is not what it says it is
```
"""

from typing import Final

import msgspec

UNREADABLE_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON that was asked for."""


class ModelError(Exception):
    """Base of every error this room raises on purpose; the message names the fix."""


class ArtefactError(ModelError):
    """A weights folder cannot be used: absent, incomplete, altered, or of another format."""


class EngineError(ModelError):
    """The asked engine cannot run here, mostly because its library is not installed."""


class DeviceMemoryError(EngineError):
    """A batch does not fit the memory of a device; a smaller one may."""


class DeviceLostError(EngineError):
    """A device does not answer any more, and will not in this process."""


class ConfigError(ModelError):
    """A training configuration holds a value that does not exist or cannot work."""


class DataError(ModelError):
    """A labelled file or folder cannot be read, or holds labels that no task knows."""


class PretrainedError(ModelError):
    """The pre-trained encoder is not installed, or its file is not in the expected format."""
