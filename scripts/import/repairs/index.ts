import { emptyAnswers, emptyErrors, emptySuccesses } from "./answers.ts";
import { enumObjects, literalEntries } from "./enums.ts";
import { missingInfo, missingServers } from "./heading.ts";
import { documentSecurity, kebabIds, keyParameters, nestedTags, pathParameters } from "./operations.ts";
import type { Repair } from "./repair.ts";
import { anyType } from "./schemas.ts";

/**
 * Every class of damage that shows in a single document, in the order in which it is mended: parameters are handed down
 * before the key is looked for among them, a 204 loses its content before empty contents are filled. To mend more, add a line.
 */
export const repairs: readonly Repair[] = [
  missingInfo,
  missingServers,
  pathParameters,
  documentSecurity,
  enumObjects,
  literalEntries,
  anyType,
  nestedTags,
  keyParameters,
  kebabIds,
  emptyAnswers,
  emptyErrors,
  emptySuccesses,
];
