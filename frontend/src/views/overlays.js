/** Layers over the page: menus, dialogs, the panel of settings. `load-overlays.js` loads it. */
export { ConversationMenu } from "./conversation-menu.js";
export { sessionLost } from "./dialog.js";
export { askFeedback } from "./feedback.js";
export { chooseFolder, makeFolder, move, toggleFolderMenu } from "./folder-actions.js";
export { showKeys } from "./key-help.js";
export { MatchBar } from "./match-bar.js";
export { toggleModelMenu } from "./model-menu.js";
export { openPalette } from "./palette.js";
export { actionChoices, modelChoices } from "./palette-choices.js";
export { toggleReplyMenu } from "./reply-menu.js";
export { resultList } from "./search-results.js";
export { SettingsPanel } from "./settings-panel.js";
export { toggleUserMenu } from "./user-menu.js";
