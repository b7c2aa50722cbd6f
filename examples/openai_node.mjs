// Chat with Parley through OpenAI's own SDK: npm install openai
//
//     PARLEY_TOKEN=prl_... node openai_node.mjs

import OpenAI from "openai";

const client = new OpenAI({
  baseURL: `${process.env.PARLEY_URL ?? "http://127.0.0.1:8000"}/v1`,
  apiKey: process.env.PARLEY_TOKEN,
});
const { data } = await client.models.list();
const messages = [];
for (const question of ["What is a parley?", "Say that in five words."]) {
  console.log(`> ${question}`);
  messages.push({ role: "user", content: question });
  const stream = await client.chat.completions.create({ model: data[0].id, messages, stream: true });
  let answer = "";
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.delta.content ?? "";
    answer += piece;
    process.stdout.write(piece);
  }
  console.log("\n");
  // Sent back as it was, it continues the same conversation.
  messages.push({ role: "assistant", content: answer });
}
