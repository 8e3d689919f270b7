"""Parsed classes, by their text.

Each remount of each pod brings the text of its class again, about once a minute. The cache is
bounded by the memory that the parsed classes take, not by their number or text. A class with
problems is not kept.
"""

from collections import OrderedDict
from threading import Lock

from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import ClassText, parse_text

_MAX_BYTES = 4 * 1024 * 1024
_BYTES_PER_CHARACTER = 4
"""Of the key and of all that is made of the text: names are kept several times."""
_BYTES_PER_NODE = 512
"""Of a syntax tree of JMESPath, measured."""
_BYTES_PER_FILE = 1024
"""Of an object or an entry of `jmesPath` beside its texts."""
_BYTES_PER_PATTERN = 4096
_BYTES_PER_PATTERN_CHARACTER = 32
"""Of an entry of `jsonKeys`: a glob is a compiled regular expression."""


class ClassCache:
    """One for the process. Thread-safe: classes are parsed on the event loop and in threads."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self.weight = 0
        """Bytes that the classes take, estimated."""
        self._max_bytes = max_bytes
        self._classes: OrderedDict[ClassText, tuple[ClassSpec, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, text: ClassText) -> bool:
        return text in self._classes

    def parse(self, text: ClassText) -> ClassSpec:
        """The class, parsed unless it is known; raises `InvalidSpec` with every problem."""
        with self._lock:
            if text in self._classes:
                self._classes.move_to_end(text)
                return self._classes[text][0]
        klass = parse_text(text)
        self._keep(text, klass)
        return klass

    def _keep(self, text: ClassText, klass: ClassSpec) -> None:
        """The least recently used ones go first; one that takes more than a quarter is not kept."""
        weight = _weight(klass, text.characters)
        if weight > self._max_bytes // 4:
            return
        with self._lock:
            _, replaced = self._classes.pop(text, (None, 0))
            self._classes[text] = klass, weight
            self.weight += weight - replaced
            while self.weight > self._max_bytes:
                _, (_, dropped) = self._classes.popitem(last=False)
                self.weight -= dropped


def _weight(klass: ClassSpec, characters: int) -> int:
    files = nodes = patterns = 0
    for obj in klass.objects:
        files += 1 + len(obj.extractions)
        nodes += sum(one.expression.nodes for one in obj.extractions)
        patterns += sum(map(_weight_of_pattern, obj.keys.patterns if obj.keys else ()))
    return (
        _BYTES_PER_FILE * (1 + files)
        + _BYTES_PER_CHARACTER * characters
        + _BYTES_PER_NODE * nodes
        + patterns
    )


def _weight_of_pattern(pattern: str) -> int:
    return _BYTES_PER_PATTERN + _BYTES_PER_PATTERN_CHARACTER * len(pattern)
