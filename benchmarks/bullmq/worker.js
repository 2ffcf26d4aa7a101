// BullMQ with one job a delivery: `node worker.js enqueue COUNT` or `node worker.js work CONCURRENCY`.
// The job holds its body and is recorded in Redis alone: it has no SQL to read or to write, unlike the others.
const fs = require("fs");
const http = require("http");
const Redis = require("ioredis");
const { Queue, Worker } = require("bullmq");

const [what, number] = process.argv.slice(2);
const connection = new Redis(process.env.REDIS_URL.replace("unix://", ""), { maxRetriesPerRequest: null });
const url = process.env.SINK_URL;
const headers = { Authorization: "Bearer key", "Content-Type": "application/json" };
const agent = new http.Agent({ keepAlive: true });

function post(body) {
  return new Promise((resolve, reject) => {
    const length = Buffer.byteLength(body);
    const request = http.request(url, { method: "POST", agent, headers: { ...headers, "Content-Length": length } }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(String(answer.statusCode)))));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function enqueue(count) {
  const queue = new Queue("deliveries", { connection });
  const body = fs.readFileSync(process.env.BODY_FILE, "utf8");
  const options = { removeOnComplete: true };
  const jobs = Array.from({ length: count }, () => ({ name: "deliver", data: { body }, opts: options }));
  for (let start = 0; start < count; start += 500) await queue.addBulk(jobs.slice(start, start + 500));
  await connection.quit();
}

function work(concurrency) {
  const worker = new Worker("deliveries", (job) => post(job.data.body), { connection, concurrency });
  worker.on("failed", (job, error) => console.error(error.message));
  process.on("SIGTERM", async () => {
    await worker.close();
    process.exit(0);
  });
}

if (what === "enqueue") enqueue(Number(number));
else work(Number(number));
