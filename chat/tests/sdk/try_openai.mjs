// OpenAI's SDK for Node on Parley: what it reads, and what it throws, as one JSON object.
import OpenAI from "openai";

const [baseURL, apiKey, model, endless] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const create = (fields, options) => client.chat.completions.create({ model, ...fields }, options);

const thrown = async (work) => {
  try {
    await work();
    return null;
  } catch (error) {
    const { status, code, param, type } = error;
    return { name: error.constructor.name, status, code, param, type };
  }
};

const found = {};
found.models = (await client.models.list()).data.map(({ id }) => id);
found.model = (await client.models.retrieve(model)).id;

const messages = [{ role: "system", content: "Be brief." }, user("One")];
const whole = await create({ messages, seed: 7, top_k: 40 });
found.whole = whole.choices[0];
found.usage = whole.usage;
const stored = client.chat.completions;
found.listed = (await stored.list({ limit: 1 })).data.map(({ id }) => id === whole.id);
found.fetched = (await stored.retrieve(whole.id)).choices[0].message.content;
messages.push(whole.choices[0].message, user("Two"));

const stream = await create({ messages, stream: true, stream_options: { include_usage: true } });
found.streamed = "";
for await (const chunk of stream) {
  found.streamed += chunk.choices[0]?.delta.content ?? "";
  found.streamedUsage = chunk.usage;
  found.reason = chunk.choices[0]?.finish_reason ?? found.reason;
}

const runner = client.chat.completions.stream({ model, messages: [user("Three")] });
found.collected = await runner.finalContent();

const passing = await create({ messages: [user("To be deleted")] });
found.deleted = await stored.delete(passing.id);
found.goneId = passing.id;
found.gone = await thrown(() => stored.delete(passing.id));

const left = await create({ model: endless, messages: [user("Leave")], stream: true });
for await (const chunk of left) {
  if (chunk.choices[0]?.delta.content) {
    break; // which aborts the request
  }
}

const image = { type: "image_url", image_url: { url: "data:image/png;base64," } };
found.errors = {
  token: await thrown(() => new OpenAI({ baseURL, apiKey: "sk-wrong" }).models.list()),
  model: await thrown(() => create({ model: "nothing", messages: [user("Hi")] })),
  image: await thrown(() => create({ messages: [user([image])] })),
  busy: await thrown(() => create({ model: "status?code=429&after=7", messages: [user("Hi")] })),
  later: await thrown(async () => {
    const broken = await create({ model: "reset", messages: [user("Hi")], stream: true });
    for await (const _ of broken) {
      // until it breaks
    }
  }),
};
console.log(JSON.stringify(found));
