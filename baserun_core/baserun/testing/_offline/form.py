"""Uploads: the fields and files of a multipart form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from baserun.testing._offline.errors import RequestError
from baserun.testing._offline.exchange import Json, ReceivedRequest

PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An uploaded file."""

    field: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields and files of a form."""

    fields: Json
    files: tuple[File, ...]

    def file(self, field: str) -> File:
        """Return the file of this field.

        Raises:
            RequestError: There is none.
        """
        for file in self.files:
            if file.field in (field, f"{field}[]"):
                return file
        raise RequestError(f"Missing required parameter: '{field}'.", param=field, code="missing_required_parameter")


def read_form(request: ReceivedRequest) -> Form:
    """Read the form in the body of a request.

    Raises:
        RequestError: The body is not a multipart form.
    """
    found = re.search(r'boundary="?([^";]+)"?', request.headers.get("content-type", ""))
    if found is None:
        raise RequestError("The request must be a multipart/form-data upload.")
    fields: Json = {}
    files = []
    for part in (b"\r\n" + request.body).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        parameters = dict(PARAMETER.findall(_disposition(head)))
        name = parameters.get("name", "")
        if "filename" in parameters:
            files.append(File(field=name, name=parameters["filename"], content=content))
        else:
            fields[name] = content.decode(errors="replace")
    return Form(fields=fields, files=tuple(files))


def _disposition(head: bytes) -> str:
    lines = head.decode(errors="replace").split("\r\n")
    return next((line for line in lines if line.lower().startswith("content-disposition")), "")
