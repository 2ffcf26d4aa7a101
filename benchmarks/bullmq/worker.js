// BullMQ with one job a delivery: `node worker.js enqueue COUNT` or `node worker.js work CONCURRENCY`.
// With PGDATABASE the job loads its row from PostgreSQL, calls, and marks it done, as the others do; without, the job
// holds its body and is recorded in Redis alone.
const fs = require("fs");
const http = require("http");
const pg = require("pg");
const Redis = require("ioredis");
const { Queue, Worker } = require("bullmq");

const [what, number] = process.argv.slice(2);
const connection = new Redis(process.env.REDIS_URL.replace("unix://", ""), { maxRetriesPerRequest: null });
const rows = process.env.PGDATABASE ? new pg.Pool({ max: 20 }) : null;
const agent = new http.Agent({ keepAlive: true });
const headers = { Authorization: "Bearer key", "Content-Type": "application/json" };

function post(url, body) {
  const length = Buffer.byteLength(body);
  const options = { method: "POST", agent, headers: { ...headers, "Content-Length": length } };
  return new Promise((resolve, reject) => {
    const request = http.request(url, options, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(String(answer.statusCode)))));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function deliver(job) {
  if (!rows) return post(process.env.SINK_URL, job.data.body);
  const found = await rows.query("SELECT url, body FROM tutorial_owed WHERE id = $1", [job.data.row]);
  await post(found.rows[0].url, found.rows[0].body);
  await rows.query("UPDATE tutorial_owed SET done = true WHERE id = $1", [job.data.row]);
}

async function enqueue(count) {
  const queue = new Queue("deliveries", { connection });
  const body = fs.readFileSync(process.env.BODY_FILE, "utf8");
  const data = (index) => (rows ? { row: index + 1 } : { body });
  const jobs = Array.from({ length: count }, (_, index) => ({
    name: "deliver",
    data: data(index),
    opts: { removeOnComplete: true },
  }));
  for (let start = 0; start < count; start += 500) await queue.addBulk(jobs.slice(start, start + 500));
  await connection.quit();
}

function work(concurrency) {
  const worker = new Worker("deliveries", deliver, { connection, concurrency });
  worker.on("failed", (job, error) => console.error(error.message));
  process.on("SIGTERM", async () => {
    await worker.close();
    process.exit(0);
  });
}

if (what === "enqueue") enqueue(Number(number));
else work(Number(number));
