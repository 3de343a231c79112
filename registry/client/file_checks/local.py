"""What a check works with on this machine."""

from dataclasses import dataclass

from registry.client.file_checks.file_questions import Progress
from registry.client.file_checks.folder import Folder
from registry.client.file_checks.journal import Journal
from registry.client.file_checks.table_file import TableFile
from registry.client.file_checks.tag_cache import TagCache


@dataclass(frozen=True, slots=True)
class Local:
    """Open as long as the check goes on."""

    file: TableFile
    folder: Folder
    cache: TagCache
    journal: Journal
    progress: Progress
