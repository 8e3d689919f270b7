"""Converts the SecretProviderClasses of some files, and prints the resources."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from provider.tools.convert.commented_yaml import commented, dump
from provider.tools.convert.from_classes import ConvertedClass, Settings, convert_class
from provider.tools.convert.remarks import report
from provider.tools.ending import CommandFailed, has_mistakes
from provider.tools.sources import Source
from provider.tools.validate.review import review


def convert_classes(sources: Sequence[Source], settings: Settings) -> int:
    """Print the resources, and on stderr what is lost; the exit code."""
    classes = review(sources, settings.region).classes
    if not classes:
        raise CommandFailed(2, "the files hold no ExternalSecret and no SecretProviderClass")
    converted = []
    for one in classes:
        if one.spec is None:
            raise has_mistakes(one.manifest.path, one.source.name, 2)
        converted.append(convert_class(one, one.spec, settings))
    sys.stdout.write("---\n".join(_written(one) for one in converted if one.documents))
    return report(remark for one in converted for remark in one.lost)


def _written(converted: ConvertedClass) -> str:
    klass = converted.klass
    place = klass.place
    comments: list[tuple[str, Sequence[str]]] = [
        (f"From {klass.manifest.path} ({place}).", converted.notes)
    ]
    if converted.lost:
        brief = [f"{one.path}: {one.text}" if one.path else one.text for one in converted.lost]
        comments.append(("Not converted:", brief))
    first, *others = converted.documents
    documents: list[Mapping[str, Any]] = others
    return "---\n".join([commented(first, comments), *map(dump, documents)])
