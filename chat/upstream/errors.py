"""The one error of this package: failures of the upstream, in words that may be shown.

An endpoint's words about an error may repeat the prompt, the key or a whole HTML page. Users get
sentences from here only; staff also get the endpoint's own words, after `scrub`.
"""

from __future__ import annotations

from chat.sentence import Sentence, counted, wording

DETAIL_LIMIT = 2000
"""Characters of a detail."""

SENTENCES = {
    "unreachable": wording("The model server {name} cannot be reached."),
    "unknown_host": wording("The address of the model server {name} is not known."),
    "forbidden_address": wording(
        "The model server {name} is at a network address that is not allowed."
    ),
    "tls_failed": wording("No secure connection to the model server {name} could be made."),
    "timeout_connect": wording("The model server {name} did not accept a connection in time."),
    "timeout_first_token": wording("The model server {name} did not begin to answer in time."),
    "timeout_idle": wording("The model server {name} stopped sending in the middle of the answer."),
    "connection_lost": wording("The connection to the model server {name} broke off."),
    "refused_key": wording("The model server {name} refused the API key."),
    "unreadable_key": wording(
        "The key for the model server {name} cannot be read. "
        "Ask an administrator to enter it again."
    ),
    "bad_header": wording("The model server {name} is set up with a header that cannot be sent."),
    "no_credit": wording("The account at the model server {name} has no credit left."),
    "unknown_model": wording("The model server {name} does not know this model."),
    "not_found": wording("The model server {name} has nothing at this address."),
    "bad_request": wording("The model server {name} refused the request."),
    "refused_setting": wording("The model server {name} does not accept the setting {setting}."),
    "too_large_context": wording("The conversation is too long for this model."),
    "content_filtered": wording("The model server {name} declined this content."),
    "rate_limited": wording("The model server {name} is busy and limits requests."),
    "upstream_error": wording("The model server {name} reported a fault of its own."),
    "redirected": wording(
        "The model server {name} redirects to another address, which is not followed."
    ),
    "bad_response": wording("The model server {name} sent something other than an answer."),
    "empty_response": wording("The model server {name} sent an empty answer."),
    "tool_calls": wording("The model asked for a tool, but none is available."),
}
"""Sentences by code."""

_PERMANENT = {
    "refused_key",
    "unreadable_key",
    "bad_header",
    "no_credit",
    "unknown_model",
    "not_found",
    "bad_request",
    "refused_setting",
    "too_large_context",
    "content_filtered",
    "redirected",
    "forbidden_address",
    "tls_failed",
    "tool_calls",
}


class UpstreamError(Exception):
    """The failure of a request, with the reason that users and staff read.

    `code` is one of `SENTENCES`, `message` the sentence for users, `sentence` the same with its
    wording, to be translated. `permanent` says that the same request will fail again; `retry_after`
    is seconds, where the endpoint named a time; `status` the HTTP status, where there was one, also
    one reported within a stream. `setting` is the name of the refused setting, as we sent it;
    "prefix" where the continuation of a text was refused. `detail` is for staff only; `advice` ends
    the sentence. `as_api` says that the endpoint itself reported the error, in the shape of this
    API.
    """

    def __init__(
        self,
        code: str,
        name: str,
        *,
        detail: str = "",
        status: int | None = None,
        retry_after: float | None = None,
        setting: str | None = None,
        as_api: bool = False,
        advice: str = "",
    ) -> None:
        self.code = code
        said = Sentence(SENTENCES[code], name=name, setting=setting)
        if retry_after is not None and retry_after >= 1:
            said = Sentence("{sentence} {next}", sentence=said, next=_again_in(retry_after))
        if advice:
            advised = f"{said.removesuffix('.')}: {advice}."  # names a setting, for operators
            said = Sentence(advised)
        self.sentence = said
        self.message = str(said)
        self.permanent = code in _PERMANENT
        self.passing = False
        self.retry_after = retry_after
        self.status = status
        self.setting = setting
        self.as_api = as_api
        self.detail = detail[:DETAIL_LIMIT]
        super().__init__(self.message)

    def __repr__(self) -> str:
        return f"UpstreamError({self.code!r}, status={self.status})"


def _again_in(seconds: float) -> Sentence:
    if seconds < 90:
        count = round(seconds)
        return counted("Try again in {count} second.", "Try again in {count} seconds.", count)
    if seconds < 5400:
        count = round(seconds / 60)
        return counted("Try again in {count} minute.", "Try again in {count} minutes.", count)
    if seconds < 172_800:
        count = round(seconds / 3600)
        return counted("Try again in {count} hour.", "Try again in {count} hours.", count)
    count = round(seconds / 86_400)
    return counted("Try again in {count} day.", "Try again in {count} days.", count)
