// Made by `manage.py protocol_types` from the server's structs. A test makes it again.

export interface AcceptedFrame {
  type: "accepted";
  id: string;
  conversation: string;
  message: string;
  reply: string;
}

export interface Ack {
  type: "ack";
  reply: string;
  attempt: number;
  text: number;
  reasoning: number;
}

export interface BranchPoint {
  conversation: string;
  message: string;
}

export interface ChangesAnswer {
  seq: number;
  reset: boolean;
  conversations: Array<ConversationObject>;
  messages: Array<MessageObject>;
  deleted: Deleted;
  folders: Array<FolderObject>;
}

export type ClientFrame = Send | Edit | Regenerate | Continue | Withdraw | Stop | Follow | Unfollow | Show | Ack | Ping;

export interface Continue {
  type: "continue";
  id: string;
  reply: string;
  model?: string | null;
}

export interface ConversationFrame {
  type: "conversation";
  event: "created" | "updated";
  seq: number;
  conversation: ConversationObject;
}

export interface ConversationGoneFrame {
  type: "conversation";
  event: "deleted";
  seq: number;
  conversation: GoneObject;
}

export interface ConversationObject {
  id: string;
  title: string;
  model: string | null;
  settings: Settings;
  /** The last message of the shown path. */
  leaf: string | null;
  created: string;
  /** Last activity. */
  updated: string;
  /** A reply is queued or being written. */
  running: boolean;
  archived: boolean;
  /** Where it was begun; null: in the chat. */
  source: "api" | null;
  seq: number;
  /** The folder it is in. */
  folder: string | null;
  /** Place among the pinned ones, the largest first; 0: not pinned. */
  pinned: number;
  branched_from: BranchPoint | null;
  /** Not in lists; deleted after it was shown last. */
  temporary: boolean;
}

export interface Deleted {
  conversations: Array<string>;
  messages: Array<string>;
  folders: Array<string>;
}

export interface DeltaFrame {
  type: "delta";
  reply: string;
  attempt: number;
  track: "text" | "reasoning";
  at: number;
  text: string;
}

export interface Edit {
  type: "edit";
  id: string;
  message: string;
  text: string;
  model?: string | null;
}

export interface EndFrame {
  type: "end";
  reply: string;
  attempt: number;
  status: "complete" | "stopped" | "interrupted" | "failed";
  finish_reason: string | null;
  error: ReplyError | null;
  length: number;
  reasoning_length: number;
  sha256: string;
  usage: UsageObject | null;
  /** US dollars. */
  cost: number | null;
  timing: Timing | null;
  /** Messages that did not fit into the model's context. */
  left_out: number;
  model: string;
}

export interface ErrorFrame {
  type: "error";
  code: string;
  message: string;
  field?: string;
  /** Seconds. */
  retry_after?: number;
  id?: string;
  reply?: string;
}

export interface ExcerptObject {
  message: string;
  role: "assistant" | "system" | "user";
  /** In their order; `…` where the text was cut. */
  pieces: Array<Marked>;
}

export interface FeedbackObject {
  thumb: "down" | "up";
  reasons: Array<"clear" | "correct" | "helpful" | "incomplete" | "not_followed" | "other" | "outdated" | "refused" | "style" | "unsafe" | "wrong">;
  words: string;
}

export interface FolderFrame {
  type: "folder";
  event: "created" | "updated";
  seq: number;
  folder: FolderObject;
}

export interface FolderGoneFrame {
  type: "folder";
  event: "deleted";
  seq: number;
  folder: GoneObject;
}

export interface FolderObject {
  id: string;
  name: string;
  created: string;
  seq: number;
}

export interface Folders {
  /** The change counter, read before the rest. */
  seq: number;
  folders: Array<FolderObject>;
}

export interface Follow {
  type: "follow";
  reply: string;
  attempt?: number;
  text?: number;
  reasoning?: number;
}

export interface GoneObject {
  id: string;
}

export interface Limits {
  send_bytes: number;
  reply_bytes: number;
  control_bytes: number;
  unacknowledged_bytes: number;
  frames_per_minute: number;
  /** Time in which a deletion can be undone. */
  undo_seconds: number;
  /** Temporary conversations are allowed. */
  temporary: boolean;
}

export interface Listed {
  /** The change counter, read before the rest. */
  seq: number;
  conversations: Array<ConversationObject>;
  /** The `cursor` of the next page; null on the last. */
  next: string | null;
}

export interface Marked {
  text: string;
  /** It is what was searched for. */
  marked: boolean;
}

export interface MessageFrame {
  type: "message";
  event: "created" | "updated";
  seq: number;
  message: MessageObject;
}

export interface MessageGoneFrame {
  type: "message";
  event: "deleted";
  seq: number;
  message: GoneObject;
}

export type MessageObject = UserMessageObject | ReplyObject;

export interface ModelObject {
  id: string;
  label: string;
  endpoint: string;
  default: boolean;
  note: string;
  /** Tokens. */
  context: number | null;
}

export interface ModelsAnswer {
  /** The change counter, read before the rest. */
  seq: number;
  models: Array<ModelObject>;
}

export interface OneReply {
  /** The change counter, read before the rest. */
  seq: number;
  message: ReplyObject;
}

export interface Ping {
  type: "ping";
  n: number;
}

export interface PingFrame {
  type: "ping";
  seq: number;
}

export interface PongFrame {
  type: "pong";
  n: number;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  /** The wrong field: the first of them. */
  field?: string;
  /** All of them. */
  errors?: Array<WrongField>;
  /** Seconds. */
  retry_after?: number;
  /** Your id of a request that met a fault. */
  id?: string;
  /** The reply that it was about. */
  reply?: string;
}

export interface ReadyFrame {
  type: "ready";
  v: number;
  user: UserObject;
  limits: Limits;
  /** The change counter, read before the rest. */
  seq: number;
}

export interface Regenerate {
  type: "regenerate";
  id: string;
  reply: string;
  model?: string | null;
}

export interface ReplyError {
  code: string;
  message: string;
  /** Seconds from the end on, where the endpoint named a time. */
  retry_after?: number;
}

export interface ReplyObject {
  id: string;
  conversation: string;
  parent: string | null;
  role: "assistant";
  created: string;
  seq: number;
  status: "queued" | "running" | "complete" | "stopped" | "interrupted" | "failed";
  /** Why it waits. */
  reason: string | null;
  retry_at: string | null;
  attempt: number;
  model: string | null;
  feedback: FeedbackObject | null;
  finish_reason: string | null;
  error: ReplyError | null;
  /** Code points of the text. */
  length: number | null;
  reasoning_length: number | null;
  /** Of the text in UTF-8, as lower-case hex. */
  sha256: string | null;
  usage: UsageObject | null;
  /** US dollars. */
  cost: number | null;
  timing: Timing | null;
  /** Messages that did not fit into the model's context. */
  left_out: number;
  /** Of a reply that has ended, where a conversation is read. */
  text?: string;
  /** Likewise. */
  reasoning?: string;
}

export interface SearchAnswer {
  results: Array<SearchResult>;
  /** `before` of the next page; null on the last. */
  next: string | null;
  /** Words and phrases that were searched for: at most 8. */
  terms: number;
  /** False while older messages are still being put into the index. */
  complete: boolean;
}

export interface SearchResult {
  conversation: string;
  title: string;
  title_pieces: Array<Marked>;
  /** When its newest match was written; of a title, the last activity. */
  date: string;
  archived: boolean;
  /** Where it was begun; null: in the chat. */
  source: "api" | null;
  excerpts: Array<ExcerptObject>;
}

export interface Send {
  type: "send";
  id: string;
  text: string;
  conversation: string | null;
  parent: string | null;
  model?: string | null;
  settings?: Settings | null;
  temporary?: boolean;
}

export type ServerFrame = ReadyFrame | AcceptedFrame | StatusFrame | SnapshotFrame | DeltaFrame | EndFrame | ConversationFrame | ConversationGoneFrame | MessageFrame | MessageGoneFrame | FolderFrame | FolderGoneFrame | ErrorFrame | PingFrame | PongFrame;

export interface Settings {
  system?: string | null;
  temperature?: number | null;
  top_p?: number | null;
  max_tokens?: number | null;
  reasoning_effort?: "high" | "low" | "medium" | "minimal" | "none" | "xhigh" | null;
}

export interface Show {
  type: "show";
  conversation: string | null;
}

export interface Single {
  seq: number;
  conversation: ConversationObject;
}

export interface SingleFolder {
  seq: number;
  folder: FolderObject;
}

export interface SnapshotFrame {
  type: "snapshot";
  reply: string;
  attempt: number;
  status: "queued" | "running" | "complete" | "stopped" | "interrupted" | "failed";
  text: string;
  reasoning: string;
}

export interface StatusFrame {
  type: "status";
  reply: string;
  attempt: number;
  status: "queued" | "running";
  /** Why it waits, or (`storage_full`, `storage_read_only`, `storage_fault`) why nothing of it can be stored just now. There may be others. */
  reason: string | null;
  /** Place in the queue. */
  position: number | null;
  retry_at: string | null;
  model: string;
}

export interface Stop {
  type: "stop";
  reply: string;
}

export interface Timing {
  first_token_ms: number | null;
  reasoning_ms: number | null;
  total_ms: number;
}

export interface Tree {
  seq: number;
  conversation: ConversationObject;
  messages: Array<MessageObject>;
  /** These are all its messages, whatever path they are on. */
  complete: boolean;
  /** `before` of the page above this one; null where that begins the path. */
  earlier: string | null;
  /** The message at which the path of the page ends. */
  last: string | null;
  /** Messages beside those of the page, without their texts; at most 500. */
  versions: Array<VersionObject>;
}

export interface Unfollow {
  type: "unfollow";
  reply: string;
}

export interface UsageObject {
  cached_tokens?: number | null;
  completion_tokens?: number | null;
  estimated?: boolean | null;
  prompt_tokens?: number | null;
  reasoning_tokens?: number | null;
}

export interface UserMessageObject {
  id: string;
  conversation: string;
  parent: string | null;
  role: "system" | "user";
  created: string;
  seq: number;
  text: string;
}

export interface UserObject {
  id: string;
  name: string;
}

export interface VersionObject {
  id: string;
  parent: string | null;
  role: "assistant" | "system" | "user";
  created: string;
  seq: number;
  status: "queued" | "running" | "complete" | "stopped" | "interrupted" | "failed" | null;
}

export interface Withdraw {
  type: "withdraw";
  id: string;
  message: string;
}

export interface WrongField {
  /** Null where the whole body is meant. */
  field: string | null;
  detail: string;
}
