/**
 * Traces and metrics of a service, by OpenTelemetry: a span for every call, events for retries, spans for waits, counts of money and of
 * sessions. On the built-in emulator; nothing leaves this machine.
 *
 *     npx tsx examples/opentelemetry.ts
 *
 * A service of your own takes `traced` and `observed` as they are, and gives the providers exporters that lead somewhere.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Context,
  type ContextManager,
  context,
  type Meter,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { type Api, BrowserUse, BrowserUseError, type ClientEvent } from "browser-use-client";
import { startEmulator } from "browser-use-client/emulator";

type Middleware = Parameters<Api["use"]>[number];

/**
 * A span per call, with all its attempts. It is named after the operation: an id would give every session a name of its own, and the
 * whole URL is left out for the same reason. Add it after other middleware: what is asked last always hears how it went.
 */
function traced(tracer: Tracer, baseUrl: string): Middleware {
  const spans = new Map<string, Span>();
  const { hostname, port } = new URL(baseUrl);
  const end = (id: string, attributes: Record<string, string | number>, failed: boolean) => {
    const span = spans.get(id);
    spans.delete(id);
    if (failed) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.setAttributes(attributes).end();
  };
  return {
    onRequest: ({ id, request: { method }, schemaPath }) => {
      const attributes = {
        "http.request.method": method,
        "url.template": schemaPath,
        "server.address": hostname,
        "server.port": Number(port) || 443,
      };
      spans.set(id, tracer.startSpan(`${method} ${schemaPath}`, { kind: SpanKind.CLIENT, attributes }));
    },
    onResponse: ({ id, response }) => end(id, { "http.response.status_code": response.status }, false),
    onError: ({ id, error }) => {
      const status =
        error instanceof BrowserUseError && "status" in error
          ? { "http.response.status_code": Number(error.status) }
          : {};
      const type = error instanceof BrowserUseError ? error.code : error instanceof Error ? error.name : "unknown";
      end(id, { ...status, "error.type": type }, true);
    },
  };
}

/** What middleware does not see. An event comes where it happens, so that the span of whoever waits is the active one. */
function observed(tracer: Tracer, meter: Meter): (event: ClientEvent) => void {
  const cost = meter.createCounter("browser_use.cost", { unit: "{USD}" });
  const live = meter.createUpDownCounter("browser_use.sessions.live", { unit: "{session}" });
  const waits = meter.createHistogram("browser_use.wait.duration", { unit: "s" });
  const retries = meter.createCounter("browser_use.retries", { unit: "{retry}" });
  const notStopped = meter.createCounter("browser_use.sessions.not_stopped", { unit: "{session}" });
  return (event) => {
    const active = trace.getActiveSpan();
    if (event.type === "retry") {
      const { operation, status, fault = String(status) } = event;
      retries.add(1, { operation, "error.type": fault });
      active?.addEvent("retry", {
        operation,
        attempt: event.attempt,
        "delay.ms": Math.round(event.delayMs),
        "error.type": fault,
      });
    } else if (event.type === "waited") {
      const { waitedMs, apiVersion, outcome, sessionId } = event;
      waits.record(waitedMs / 1000, { version: apiVersion, outcome });
      const attributes = { "session.id": sessionId, outcome };
      tracer.startSpan("wait for a run", { startTime: Date.now() - waitedMs, attributes }).end();
    } else if (event.type === "ended") cost.add(event.costUsd ?? 0, { version: event.apiVersion });
    else if (event.type === "opened") live.add(1, { kind: event.kind });
    else if (event.type === "stopped") live.add(-1, { kind: event.kind });
    else if (event.type === "stopFailed") notStopped.add(1, { kind: event.kind });
  };
}

const spanExporter = new InMemorySpanExporter();
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })] });

/** Brings the active span through `await`. A service takes the one of @opentelemetry/context-async-hooks. */
class AsyncContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => fn.call(self, ...args));
  }
  bind<T>(_: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

async function main(): Promise<void> {
  context.setGlobalContextManager(new AsyncContext());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] }));
  metrics.setGlobalMeterProvider(meterProvider);
  const tracer = trace.getTracer("support-desk");

  await using cloud = await startEmulator({
    onTask: async ({ task, step }) => {
      await step({ summary: "Open the shop" });
      await step({ summary: task });
      return "shipped";
    },
  });
  // Some bad weather, so that there is something to see.
  cloud.fail({ method: "POST", path: "/v3/sessions", status: 429, body: { detail: "Rate limit exceeded" } });
  cloud.fail({ method: "PATCH", path: "/v2/sessions/{session_id}", drop: "after" });

  const onEvent = observed(tracer, metrics.getMeter("support-desk"));
  await using browserUse = new BrowserUse({ baseUrl: cloud.url, apiKey: cloud.apiKey, maxCostUsd: 0.5, onEvent });
  browserUse.api.use(traced(tracer, cloud.url));

  await inSpan(tracer, "ticket 1", async () => {
    await browserUse.v3.sessions.use({}, async (session) => {
      await session.run("Read the order status");
      await session.run("Read the delivery date");
    });
  });
  await inSpan(tracer, "ticket 2", () => browserUse.v2.run("Read the order status", { maxSteps: 5 }));
  await inSpan(tracer, "ticket 3", () => browserUse.profiles.get("3f5c1b9e-0000-4000-8000-000000000000")).catch(
    () => {},
  );

  await meterProvider.forceFlush();
  printTree(spanExporter.getFinishedSpans());
  printMetrics();
  await meterProvider.shutdown();
}

function inSpan<T>(tracer: Tracer, name: string, work: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}

/** Calls of one kind under one parent are one line: looks at a run are many. */
function printTree(spans: readonly ReadableSpan[], parent?: string, indent = ""): void {
  const children = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent);
  for (const label of new Set(children.map(labelOf))) {
    const alike = children.filter((span) => labelOf(span) === label);
    const ms = alike.reduce((sum, { duration: [s, ns] }) => sum + s * 1_000 + ns / 1e6, 0);
    console.log(`${indent}${label}${alike.length > 1 ? ` ×${alike.length}` : ""}  ${Math.round(ms)} ms`);
    for (const { name, attributes } of alike.flatMap(({ events }) => events)) {
      console.log(`${indent}  ! ${name}: ${attributes?.["operation"]}, ${attributes?.["error.type"]}`);
    }
    for (const span of alike) printTree(spans, span.spanContext().spanId, `${indent}  `);
  }
}

function labelOf({ name, attributes }: ReadableSpan): string {
  const facts = [attributes["http.response.status_code"], attributes["error.type"], attributes["outcome"]];
  return [name, ...facts.filter((fact) => fact !== undefined)].join("  ");
}

function printMetrics(): void {
  for (const { descriptor, dataPoints } of metricExporter
    .getMetrics()
    .at(-1)
    ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []) {
    for (const { attributes, value } of dataPoints) {
      const shown = typeof value === "number" ? Number(value.toFixed(6)) : `${value.count} in ${value.sum?.toFixed(2)}`;
      console.log(
        `${descriptor.name}{${Object.values(attributes).join()}} ${shown} ${descriptor.unit.replace(/[{}]/g, "")}`,
      );
    }
  }
}

await main();
