// The comparison: what people write first to relay a chat, on Express and the `openai` package.
// UPSTREAM is the base URL; prints the port it listens on.
import express from "express";
import OpenAI from "openai";

const client = new OpenAI({ apiKey: "key", baseURL: process.env.UPSTREAM, maxRetries: 0 });
const app = express();
app.use(express.json());

app.post("/v1/chat/completions", async (request, response) => {
  const { model, messages } = request.body;
  const stream = await client.chat.completions.create({ model, messages, stream: true });
  response.set({ "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  for await (const chunk of stream) {
    const text = chunk.choices[0]?.delta?.content;
    if (text) {
      response.write(`data: ${JSON.stringify({ text })}\n\n`);
    }
  }
  response.end("data: [DONE]\n\n");
});

const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
