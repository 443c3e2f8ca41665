/** Why a path cannot be one of a file in a folder; undefined when it can. */
export function pathFault(path: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(path)) return "A path has no backslashes and no control characters";
  if (/\p{Cs}/u.test(path)) return "A path has no halves of characters";
  if (path.split("/").some((part) => part === "." || part === "..")) return "A path does not leave its folder";
  if (path.split("/").includes("")) return "A path is relative and has no empty parts";
  return undefined;
}
