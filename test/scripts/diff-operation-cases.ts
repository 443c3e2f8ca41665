import type { Severity } from "../../scripts/diff/change.ts";
import type { Kind } from "../../scripts/diff/rules.ts";
import { api, json } from "./diff-fixture.ts";
import type { Loose } from "./fixture.ts";

const B = "breaking";
const R = "risky";
const C = "compatible";
const text = { type: "string" };
const integer = { type: "integer" };

/** One change of an operation or of the whole document, and how it is judged. */
export interface OperationCase {
  readonly name: string;
  readonly old: Loose;
  readonly new: Loose;
  readonly kind: Kind;
  readonly severity: Severity;
  readonly message: string;
}

function operationCase(
  name: string,
  [old, fresh]: readonly [Loose, Loose],
  kind: Kind,
  severity: Severity,
  message: string,
): OperationCase {
  return { name, old, new: fresh, kind, severity, message };
}

const id = { name: "id", in: "path", required: true, schema: text };
const size = { name: "size", in: "query", schema: integer };
const withParameters = (...parameters: readonly Loose[]) => api({ parameters: [id, ...parameters] });
const withBody = (body: Loose) => api({ requestBody: { ...json(text), ...body } });
const answering = (responses: Loose) => api({ responses });
const at = (...urls: readonly string[]) => api({}, { servers: urls.map((url) => ({ url })) });
const key = { type: "apiKey", in: "header", name: "X-Key" };
const oauth = { type: "oauth2", flows: { clientCredentials: { tokenUrl: "https://a.test", scopes: {} } } };
const guarded = (...security: readonly Loose[]) =>
  api({ security }, { components: { securitySchemes: { key, oauth } } });
const both = api();
both.paths["/other"] = { get: { responses: { "204": {} } } };

function renamed(): Loose {
  const document = api({ parameters: [{ ...id, name: "thing_id" }] });
  document.paths = { "/things/{thing_id}": document.paths["/things/{id}"] };
  return document;
}

export const operationCases: readonly OperationCase[] = [
  operationCase("an operation that is gone", [both, api()], "operation-removed", B, "GET /other: was removed"),
  operationCase("a new operation", [api(), both], "operation-added", C, "GET /other: is new"),
  operationCase(
    "another operationId",
    [api({ operationId: "a" }), api({ operationId: "b" })],
    "operation-id-changed",
    C,
    'operationId: "a" became "b"',
  ),
  operationCase(
    "an operation that is deprecated",
    [api(), api({ deprecated: true })],
    "deprecated-set",
    C,
    "is deprecated now",
  ),
  operationCase(
    "an operation that is no longer deprecated",
    [api({ deprecated: true }), api({ deprecated: false })],
    "deprecated-unset",
    C,
    "is no longer deprecated",
  ),
  operationCase(
    "an operation that may no longer be sent twice",
    [api({ "x-repeatable": true }), api({ "x-repeatable": false })],
    "repeatable-withdrawn",
    R,
    "x-repeatable: may no longer be sent twice",
  ),
  operationCase(
    "an operation that may be sent twice now",
    [api(), api({ "x-repeatable": true })],
    "repeatable-granted",
    C,
    "x-repeatable: may be sent twice now",
  ),
  operationCase(
    "callbacks that differ",
    [api(), api({ callbacks: { a: {} } })],
    "callbacks-changed",
    R,
    "callbacks: differ; they are not compared in detail",
  ),

  operationCase(
    "another server",
    [at("https://a.test/v1"), at("https://a.test/v2")],
    "server-changed",
    B,
    "servers: https://a.test/v1 became https://a.test/v2",
  ),
  operationCase(
    "a server fewer",
    [at("https://a.test", "https://b.test"), at("https://a.test/")],
    "server-removed",
    B,
    "servers: https://b.test was removed",
  ),
  operationCase(
    "a server more",
    [at("https://a.test"), at("https://a.test", "https://b.test")],
    "server-added",
    C,
    "servers: https://b.test is new",
  ),
  operationCase(
    "another first server",
    [at("https://a.test", "https://b.test"), at("https://b.test", "https://a.test")],
    "server-order-changed",
    R,
    "servers: the first is https://b.test now, and was https://a.test",
  ),
  operationCase(
    "a key where none was asked for",
    [guarded(), guarded({ key: [] })],
    "security-tightened",
    B,
    "security: nothing is no longer enough; what is: the key in header x-key",
  ),
  operationCase(
    "no key any more",
    [guarded({ key: [] }), guarded()],
    "security-loosened",
    C,
    "security: nothing is enough now; what was: the key in header x-key",
  ),
  operationCase(
    "a way in fewer",
    [guarded({ key: [] }, { oauth: [] }), guarded({ key: [] })],
    "security-tightened",
    B,
    "security: oauth2 clientCredentials https://a.test is no longer enough; what is: the key in header x-key",
  ),
  operationCase(
    "one scope more",
    [guarded({ oauth: ["a"] }), guarded({ oauth: ["b", "a"] })],
    "security-tightened",
    B,
    "security: oauth2 clientCredentials https://a.test with a is no longer enough; what is: oauth2 clientCredentials https://a.test with a, b",
  ),

  operationCase(
    "a path parameter that is called otherwise, by which callers pass it,",
    [api(), renamed()],
    "path-parameter-renamed",
    R,
    'path parameter thing_id: is called "thing_id" now, and was "id"',
  ),
  operationCase(
    "a new optional parameter",
    [api(), withParameters(size)],
    "parameter-added",
    C,
    "query parameter size: is new (optional)",
  ),
  operationCase(
    "a new required parameter",
    [api(), withParameters({ ...size, required: true })],
    "parameter-added",
    B,
    "query parameter size: is new (required)",
  ),
  operationCase(
    "a parameter that is gone",
    [withParameters(size), api()],
    "parameter-removed",
    R,
    "query parameter size: was removed (optional)",
  ),
  operationCase(
    "a parameter that is required now",
    [withParameters(size), withParameters({ ...size, required: true })],
    "parameter-required",
    B,
    "query parameter size: is required now",
  ),
  operationCase(
    "a parameter that is optional now",
    [withParameters({ ...size, required: true }), withParameters(size)],
    "parameter-optional",
    C,
    "query parameter size: is optional now",
  ),
  operationCase(
    "a parameter that is written in another way",
    [withParameters(size), withParameters({ ...size, explode: false })],
    "parameter-encoding-changed",
    B,
    "query parameter size: is written as form now, and was exploded form",
  ),
  operationCase(
    "a parameter of another type",
    [withParameters(size), withParameters({ ...size, schema: text })],
    "type-changed",
    B,
    "query parameter size: type integer became string",
  ),
  operationCase(
    "another default of a parameter",
    [withParameters(size), withParameters({ ...size, schema: { ...integer, default: 5 } })],
    "default-added",
    C,
    "query parameter size: has default 5 now",
  ),

  operationCase("a new optional body", [api(), withBody({})], "body-added", C, "body: is new (optional)"),
  operationCase(
    "a new required body",
    [api(), withBody({ required: true })],
    "body-added",
    B,
    "body: is new (required)",
  ),
  operationCase("a body that is gone", [withBody({}), api()], "body-removed", B, "body: was removed (optional)"),
  operationCase(
    "a body that is required now",
    [withBody({}), withBody({ required: true })],
    "body-required",
    B,
    "body: is required now",
  ),
  operationCase(
    "a body that is optional now",
    [withBody({ required: true }), withBody({})],
    "body-optional",
    C,
    "body: is optional now",
  ),
  operationCase(
    "a body that may have another form",
    [withBody({}), withBody({ content: { ...json(text).content, "text/plain": {} } })],
    "media-type-added",
    C,
    "body: may be text/plain too",
  ),
  operationCase(
    "a body that may no longer have a form",
    [withBody({ content: { ...json(text).content, "text/plain": {} } }), withBody({})],
    "media-type-removed",
    B,
    "body: may no longer be text/plain",
  ),

  operationCase(
    "another success status",
    [answering({ "200": {} }), answering({ "201": {} })],
    "success-status-changed",
    B,
    "success is answered with 201 now, not with 200",
  ),
  operationCase(
    "a second success status",
    [answering({ "200": {} }), answering({ "200": {}, "202": {} })],
    "success-status-added",
    R,
    "success may be answered with 202 too",
  ),
  operationCase(
    "a success status fewer",
    [answering({ "200": {}, "202": {} }), answering({ "200": {} })],
    "success-status-removed",
    B,
    "success is no longer answered with 202",
  ),
  operationCase(
    "a new error",
    [answering({ "200": {} }), answering({ "200": {}, "402": {} })],
    "error-status-added",
    R,
    "may be answered with 402",
  ),
  operationCase(
    "an error that is gone",
    [answering({ "200": {}, default: {} }), answering({ "200": {} })],
    "error-status-removed",
    C,
    "is no longer answered with DEFAULT",
  ),
  operationCase(
    "an answer that has content now",
    [answering({ "200": {} }), answering({ "200": json(text) })],
    "content-added",
    C,
    "200 body: has content now (application/json)",
  ),
  operationCase(
    "an answer that has no content any more",
    [answering({ "200": json(text) }), answering({ "200": {} })],
    "content-removed",
    B,
    "200 body: has no content any more (application/json)",
  ),
  operationCase(
    "a header that answers have now",
    [answering({ "200": {} }), answering({ "200": { headers: { "X-A": { schema: text } } } })],
    "header-added",
    C,
    "200 header x-a: is new (optional)",
  ),
  operationCase(
    "a header that is gone",
    [answering({ "200": { headers: { "X-A": { schema: text } } } }), answering({ "200": {} })],
    "header-removed",
    R,
    "200 header x-a: was removed (optional)",
  ),
  operationCase(
    "a header that may be missing now",
    [
      answering({ "200": { headers: { "X-A": { required: true } } } }),
      answering({ "200": { headers: { "x-a": {} } } }),
    ],
    "header-optional",
    B,
    "200 header x-a: may be missing now",
  ),
  operationCase(
    "a header that is always there now",
    [
      answering({ "200": { headers: { "X-A": {} } } }),
      answering({ "200": { headers: { "X-A": { required: true } } } }),
    ],
    "header-required",
    C,
    "200 header x-a: is always there now",
  ),
];
