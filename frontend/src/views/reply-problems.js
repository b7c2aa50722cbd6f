/**
 * Errors that are stored with replies, in the language of the page. The server stores them in
 * English, as `chat/upstream/errors.py` and `chat/replies/producer.py` word them. Pure.
 */
import { later, msg, sentences, t, translate } from "../lib/translate.js";

/** @type {Record<string, string[]>} by the code of the error */
const SENTENCES = {
  unreachable: [msg("The model server {name} cannot be reached.")],
  unknown_host: [msg("The address of the model server {name} is not known.")],
  forbidden_address: [msg("The model server {name} is at a network address that is not allowed.")],
  tls_failed: [msg("No secure connection to the model server {name} could be made.")],
  timeout_connect: [msg("The model server {name} did not accept a connection in time.")],
  timeout_first_token: [
    msg("The model server {name} did not begin to answer in time."),
    msg(
      "The model server {name} did not begin to answer in time: nothing came for {n} s ({setting}).",
    ),
    msg(
      "The model server {name} did not begin to answer in time: no text came for {n} s ({setting}).",
    ),
  ],
  timeout_idle: [
    msg("The model server {name} stopped sending in the middle of the answer."),
    msg(
      "The model server {name} stopped sending in the middle of the answer: nothing came for {n} s ({setting}).",
    ),
    msg(
      "The model server {name} stopped sending in the middle of the answer: no text came for {n} s ({setting}).",
    ),
  ],
  connection_lost: [msg("The connection to the model server {name} broke off.")],
  refused_key: [msg("The model server {name} refused the API key.")],
  unreadable_key: [
    msg(
      "The key for the model server {name} cannot be read. Ask an administrator to enter it again.",
    ),
  ],
  bad_header: [msg("The model server {name} is set up with a header that cannot be sent.")],
  no_credit: [msg("The account at the model server {name} has no credit left.")],
  unknown_model: [msg("The model server {name} does not know this model.")],
  not_found: [msg("The model server {name} has nothing at this address.")],
  bad_request: [msg("The model server {name} refused the request.")],
  refused_setting: [msg("The model server {name} does not accept the setting {setting}.")],
  too_large_context: [msg("The conversation is too long for this model.")],
  content_filtered: [msg("The model server {name} declined this content.")],
  rate_limited: [msg("The model server {name} is busy and limits requests.")],
  upstream_error: [msg("The model server {name} reported a fault of its own.")],
  redirected: [msg("The model server {name} redirects to another address, which is not followed.")],
  bad_response: [msg("The model server {name} sent something other than an answer.")],
  empty_response: [msg("The model server {name} sent an empty answer.")],
  tool_calls: [msg("The model asked for a tool, but none is available.")],
  server_error: [
    msg("Something went wrong on this server."),
    msg("The server failed three times while it produced this reply."),
  ],
  no_model: [msg("The model of this reply is no longer offered. Choose another one.")],
  early_end: [msg("The model's server ended the reply before it was complete.")],
  empty: [msg("The model had nothing to add.")],
};

const AGAIN = /^(.*?)(?: Try again in (\d+) (second|minute|hour|day)s?\.)?$/s;

/**
 * The sentence about an error of a reply. One that is not known stays as it was stored.
 * @param {{code: string, message: string}|null|undefined} error
 */
export function problemText(error) {
  const { code = "", message = "" } = error ?? {};
  const [, said = "", count, unit] = message.match(AGAIN) ?? [];
  for (const sentence of Object.hasOwn(SENTENCES, code) ? (SENTENCES[code] ?? []) : []) {
    const values = valuesIn(sentence, said);
    if (!values) continue;
    const when = later(Number(count ?? 0), /** @type {"second"} */ (unit ?? "second"));
    return sentences(translate(sentence, values), count && t("Try again {when}.", { when }));
  }
  return message;
}

/**
 * The values that were put into a sentence; null if it is another one.
 * @param {string} sentence
 * @param {string} said
 * @returns {Record<string, string>|null}
 */
function valuesIn(sentence, said) {
  const pattern = sentence.replace(/[.()]/g, "\\$&").replace(/\{(\w+)\}/g, "(?<$1>.+)");
  const found = new RegExp(`^${pattern}$`, "s").exec(said);
  return found && { ...found.groups };
}
