"""What is written about requests and files that are not what the operation takes."""

from collections.abc import Mapping
from typing import Final

from api.problems.wording import Wording
from registry.domain.errors import Code

_REQUESTS: Final[Mapping[Code, Wording]] = {
    Code.INVALID_REQUEST: Wording(
        title="The request is not valid",
        happened=(
            "The request is not what this operation takes, and no single other code says why: mostly because several "
            "different things in it are wrong. Nothing was done."
        ),
        advice="Go through `errors`: each entry says where (`pointer`), which problem (`code`) and why (`detail`).",
        example="The request has 2 problems.",
    ),
    Code.INVALID_JSON: Wording(
        title="The body is not JSON",
        happened=(
            "The body, or one line of an NDJSON file, could not be read as JSON: it is empty, cut off, or has a "
            "comma, quote or bracket out of place."
        ),
        advice=(
            "Let a JSON library write the body rather than putting it together as text. A text that holds a quote or "
            "a line break needs escaping."
        ),
        example="The body is not valid JSON.",
    ),
    Code.INVALID_UTF8: Wording(
        title="The body is not UTF-8",
        happened=(
            "The body, or one line of an NDJSON file, holds bytes that are not UTF-8 text, or an escape for half of a "
            "character. Often the text was saved in an older encoding."
        ),
        advice="Encode the body as UTF-8 and send it again.",
        example="The body is not valid UTF-8.",
        pointer="/case_ref",
    ),
    Code.NUL_BYTE: Wording(
        title="The text holds a NUL character",
        happened="A text in the request holds the character U+0000 (`\\u0000` in JSON), which cannot be stored.",
        advice=(
            "Remove the character. It usually comes from a fixed-width field of another system, or from a text saved "
            "as UTF-16."
        ),
        example="The text holds a NUL character.",
        pointer="/case_ref",
    ),
    Code.WRONG_TYPE: Wording(
        title="A value has the wrong type",
        happened="A field holds another kind of value than it takes: for example an object where a text belongs.",
        advice=(
            "Compare the field at `pointer` with the API's description at `/docs`. Send phone numbers as texts, "
            "in quotes."
        ),
        example="The value must be a text.",
        pointer="/number",
    ),
    Code.UNKNOWN_FIELD: Wording(
        title="A field is not known",
        happened=(
            "The request has a field, or a parameter in its URL, that this operation does not take. They are refused, "
            "because ignoring a misspelt date, for one, would change the answer without anyone noticing."
        ),
        advice="Check the spelling of the field at `pointer`, or of the parameter that `detail` names, or remove it.",
        example="This field is not known here.",
        pointer="/possesed_since",
    ),
    Code.MISSING_FIELD: Wording(
        title="A required field is missing",
        happened="The request, or one row of a file, lacks something that this operation needs.",
        advice=(
            "Add the field at `pointer`. Questions about numbers need a `purpose`, because every answer is logged with "
            "the reason it was asked for."
        ),
        example="This field is required.",
        pointer="/purpose",
    ),
    Code.INVALID_VALUE: Wording(
        title="A value is not allowed",
        happened="A value has the right type, but is not one that this field, parameter or header takes.",
        advice="Read `detail`, which says what is allowed, and the API's description at `/docs`.",
        example="The value must be one of: sms, mms, chat, voice.",
        pointer="/hits/0/channel",
    ),
    Code.EMPTY_LIST: Wording(
        title="The list is empty",
        happened="The request holds a list without entries, so there is nothing to do.",
        advice="Send at least one entry, or do not send the request.",
        example="The list must have at least one entry.",
        pointer="/items",
    ),
    Code.TOO_MANY_ITEMS: Wording(
        title="The list has too many entries",
        happened="One request takes at most 1,000 hits, or 10,000 numbers to check. Nothing of a longer one is done.",
        advice=(
            "Split the list over several requests, or send a file: `POST /v1/hits/imports` for hits, "
            "`POST /v1/checks/files` for checks."
        ),
        example="The list must have at most 10,000 entries.",
        pointer="/items",
    ),
    Code.DATE_IN_FUTURE: Wording(
        title="A date is in the future",
        happened="A date or time that can only lie in the past lies in the future.",
        advice=(
            "Check the year, the order of day and month, and the time zone: times are RFC 3339 with an offset, dates "
            "are `YYYY-MM-DD`. If they are right, check the clock of the machine that wrote them."
        ),
        example="The time is in the future.",
        pointer="/hits/0/occurred_at",
    ),
    Code.WINDOW_REVERSED: Wording(
        title="A window ends before it starts",
        happened="The end of a period of time lies before its beginning.",
        advice="Swap or correct the two dates. Leave the end out if the period has not ended.",
        example="possessed_until is before possessed_since.",
        pointer="/possessed_until",
    ),
    Code.NUMBER_IN_TEXT: Wording(
        title="A text may hold a phone number",
        happened=(
            "A text that is stored and logged (a label, a reference, a reason) holds a long run of digits that could "
            "be a phone number. The registry keeps no readable numbers, and so refuses the text."
        ),
        advice="Remove the number. Refer to your own case or device id, in a form without 7 or more digits in a row.",
        example="The text holds 7 or more digits in a row.",
        pointer="/case_ref",
    ),
    Code.INVALID_CURSOR: Wording(
        title="The cursor cannot be used",
        happened="The `cursor` is not one that this list gave out, or it was given out for another list or filter.",
        advice="Pass `next_cursor` on unchanged, with the same filters, or start again without a cursor.",
        example="The cursor was not given out for this list.",
    ),
    Code.BODY_TOO_LARGE: Wording(
        title="The body is too large",
        happened=(
            "The body is larger than this operation takes: 1 MB for JSON, and for files what the operator has set. "
            "The rest of it was not read."
        ),
        advice="Split the request. For long lists use a file: files may be much larger than JSON bodies.",
        example="The body is larger than 1 MB.",
    ),
    Code.UNSUPPORTED_MEDIA_TYPE: Wording(
        title="The content type is not taken here",
        happened="The request's `Content-Type` is missing, or is not one that this operation reads.",
        advice=(
            "Send JSON as `application/json`. Send files as the API's description at `/docs` says. Do not compress "
            "the body."
        ),
        example="This operation takes application/json.",
    ),
}

_FILES: Final[Mapping[Code, Wording]] = {
    Code.FILE_EMPTY: Wording(
        title="The file is empty",
        happened="The file holds nothing, or nothing but blank lines.",
        advice="Check that you chose the right file and that it was saved completely.",
        example="The file holds nothing.",
    ),
    Code.FILE_NOT_TEXT: Wording(
        title="The file is not a text file",
        happened="The file is not CSV or NDJSON text. It may be a spreadsheet, a PDF, a picture or an archive.",
        advice="Open it in your spreadsheet program, save it as CSV (UTF-8), and send that file.",
        example="The file is not text. Save it as CSV.",
    ),
    Code.COLUMN_NOT_FOUND: Wording(
        title="A column is missing from the file",
        happened="The file's first row does not name a column that is needed, or that was asked for.",
        advice=(
            "Check that the first row holds the column names and that they are spelt as given. A file with other names "
            "can be read by saying which column is which."
        ),
        example="The file has no column for the number.",
    ),
    Code.TOO_MANY_ROWS: Wording(
        title="The file has too many rows",
        happened="One file may have at most 1,000,000 rows, unless the operator has set another cap.",
        advice="Split the file and send the parts one after the other.",
        example="The file has more than 1,000,000 rows.",
    ),
    Code.ROW_TOO_LONG: Wording(
        title="A row of the file is too long",
        happened=(
            "One row is longer than any real row would be. Mostly a quotation mark was opened and never closed, so "
            "that the rows after it were read as one. Or, in a file of exclusions, a row has more cells than the first "
            "row has names: what stands there, a second number perhaps, would be passed over without anyone noticing."
        ),
        advice=(
            "Look at the row that `detail` names. Close the quotation mark, or save the file again as CSV. Give every "
            "column a name in the first row, and every number a row of its own."
        ),
        example="Row 17 is too long.",
    ),
    Code.UPLOAD_INCOMPLETE: Wording(
        title="The upload was cut off",
        happened="The connection ended before the whole body had arrived. What is missing was not guessed at.",
        advice=(
            "Send it again from the beginning. A hit that is already recorded is recognised by its `source_id` and "
            "not recorded twice."
        ),
        example="The connection ended before the whole body had arrived.",
    ),
}

REQUEST_WORDING: Final[Mapping[Code, Wording]] = {**_REQUESTS, **_FILES}
