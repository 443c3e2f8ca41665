export { type FileFromPathOptions, fileFromPath, type LocalFile } from "./node/file.ts";
export { type SavedFile, type SaveOptions, saveFile } from "./node/save.ts";
export { saveFiles } from "./node/save-files.ts";
export { type StopOnExit, type StopOnExitOptions, stopOnExit } from "./node/stop-on-exit.ts";
