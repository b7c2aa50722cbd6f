/** The icons of menus, loaded with the menus. */

import archive from "lucide-static/icons/archive.svg";
import unarchive from "lucide-static/icons/archive-restore.svg";
import check from "lucide-static/icons/check.svg";
import folder from "lucide-static/icons/folder.svg";
import keyboard from "lucide-static/icons/keyboard.svg";
import logOut from "lucide-static/icons/log-out.svg";
import temporary from "lucide-static/icons/message-circle-dashed.svg";
import pencil from "lucide-static/icons/pencil.svg";
import pin from "lucide-static/icons/pin.svg";
import unpin from "lucide-static/icons/pin-off.svg";
import search from "lucide-static/icons/search.svg";
import shield from "lucide-static/icons/shield-check.svg";
import stop from "lucide-static/icons/square.svg";
import plus from "lucide-static/icons/square-pen.svg";
import text from "lucide-static/icons/text-align-start.svg";
import trash from "lucide-static/icons/trash-2.svg";
import user from "lucide-static/icons/user.svg";
import { drawn } from "../lib/drawing.js";

const SOURCES = {
  archive,
  check,
  folder,
  keyboard,
  temporary,
  logOut,
  pencil,
  pin,
  plus,
  search,
  shield,
  stop,
  text,
  trash,
  unarchive,
  unpin,
  user,
};

/** @typedef {keyof typeof SOURCES} IconName */

/** @param {IconName} name */
export const icon = (name) => drawn(SOURCES[name]);
