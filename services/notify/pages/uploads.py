"""Files of forms."""

from typing import Any

from starlette.datastructures import UploadFile

from services.notify.domain.uploads import MAXIMUM_BYTES, Upload


async def read_upload(form: Any, name: str = "file") -> Upload | None:
    """The file of a form, read up to the limit; None where none was chosen."""
    given = form.get(name)
    if not isinstance(given, UploadFile) or not given.filename:
        return None
    return Upload(given.filename, await given.read(MAXIMUM_BYTES + 1))
