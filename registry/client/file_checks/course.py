"""The course of a check, once its folder is locked and its workers are on their way."""

from contextlib import ExitStack

from registry.client._registry_client import RegistryClient
from registry.client.file_checks.answered_table import write_result
from registry.client.file_checks.file_questions import FileQuestions, Progress, Summary
from registry.client.file_checks.folder import Folder
from registry.client.file_checks.journal import Journal
from registry.client.file_checks.local import Local
from registry.client.file_checks.plain_check import PlainCheck
from registry.client.file_checks.private_check import PrivateCheck
from registry.client.file_checks.result_file import ResultFile
from registry.client.file_checks.table_file import TableFile
from registry.client.file_checks.tag_cache import TagCache
from registry.client.file_checks.workers import PATIENCE_SECONDS, Job, Workers


def run(questions: FileQuestions, folder: Folder, workers: Workers, result: ResultFile, progress: Progress) -> Summary:
    """From the first row read to the result in its place. Raises what `check_file` says."""
    with ExitStack() as held:
        file = held.enter_context(TableFile(questions.path, questions.columns))
        cache = TagCache(folder)
        held.callback(cache.close)
        client = held.enter_context(
            RegistryClient(
                questions.target.url,
                questions.target.key,
                patience=PATIENCE_SECONDS,
                public_keys={**cache.public_keys(), **questions.public_keys},
            )
        )
        journal = Journal(folder, questions.job(folder, file.digest()))
        held.callback(journal.close)
        local = Local(file, folder, cache, journal, progress)
        check = _private(questions, client, local, workers) if questions.private else _plain(questions, client, local)
        tally = write_result(file, result, check.answer, progress)
        result.finish()
        check.costs.audit_ids += journal.receipts()
        guidance = journal.guidance()
        journal.remove()
    refused = dict(tally.problems.most_common())
    return Summary(file.rows, tally.counts(), refused, check.costs, guidance, questions.out, check.remarks())


def _private(questions: FileQuestions, client: RegistryClient, local: Local, workers: Workers) -> PrivateCheck:
    parameters = client.parameters()
    parameters.check_vectors()
    local.cache.drop_others(parameters.public_keys())
    workers.begin(Job(questions.target, questions.root, questions.asking, parameters))
    check = PrivateCheck(client, questions.asking, parameters, local, buckets=questions.buckets)
    check.ask(workers)
    return check


def _plain(questions: FileQuestions, client: RegistryClient, local: Local) -> PlainCheck:
    check = PlainCheck(client, questions.asking, local)
    check.ask()
    return check
