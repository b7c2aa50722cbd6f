// Other people's clients for Node on Parley, each set up as docs/openai-api.md says:
//
//     node try_clients.mjs BASE_URL KEY MODEL BUSY
//
// prints what each read and threw, as one JSON object.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { AIMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, streamText } from "ai";

const NOBODY = "a-model-that-is-not-offered";
const [baseURL, apiKey, model, busy] = process.argv.slice(2);

const thrown = async (work) => {
  try {
    await work();
    return {};
  } catch (error) {
    const headers = error.responseHeaders ?? error.headers ?? {};
    const after = headers.get?.("retry-after") ?? headers["retry-after"] ?? null;
    return { status: error.statusCode ?? error.status, after };
  }
};

const withAi = async (of, question) => {
  const system = "Be brief.";
  const ask = (name, messages) =>
    generateText({ model: of(name), system, messages, maxRetries: 0 });
  const messages = [{ role: "user", content: question }];
  const whole = await ask(model, messages);
  messages.push({ role: "assistant", content: whole.text }, { role: "user", content: "Two" });
  const stream = streamText({ model: of(model), system, messages, maxRetries: 0 });
  let streamed = "";
  for await (const text of stream.textStream) {
    streamed += text;
  }
  return {
    whole: whole.text,
    tokens: whole.usage.totalTokens,
    streamed,
    streamedTokens: (await stream.usage).totalTokens,
    busy: await thrown(() => ask(busy, messages)),
    unknown: await thrown(() => ask(NOBODY, messages)),
  };
};

const CLIENTS = {
  "@ai-sdk/openai-compatible": () =>
    withAi(createOpenAICompatible({ name: "parley", baseURL, apiKey, includeUsage: true }), "One"),
  "@ai-sdk/openai": () => {
    const provider = createOpenAI({ baseURL, apiKey });
    return withAi((name) => provider.chat(name), "Another");
  },
  "@langchain/openai": async () => {
    const of = (name) =>
      new ChatOpenAI({ model: name, apiKey, configuration: { baseURL }, maxRetries: 0 });
    const messages = [new SystemMessage("Be brief."), new HumanMessage("A third")];
    const whole = await of(model).invoke(messages);
    messages.push(new AIMessage(whole.content), new HumanMessage("Two"));
    let streamed = null;
    for await (const chunk of await of(model).stream(messages)) {
      streamed = streamed === null ? chunk : streamed.concat(chunk);
    }
    return {
      whole: whole.content,
      tokens: whole.usage_metadata.total_tokens,
      streamed: streamed.content,
      streamedTokens: streamed.usage_metadata?.total_tokens,
      busy: await thrown(() => of(busy).invoke(messages)),
      unknown: await thrown(() => of(NOBODY).invoke(messages)),
    };
  },
};

const found = {};
for (const [name, client] of Object.entries(CLIENTS)) {
  found[name] = await client();
}
console.log(JSON.stringify(found));
