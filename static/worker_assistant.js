// Starts the assistant of the worker: a second worker that runs the same program
// (web/src/worker/assistant). The first message is the program as the worker has it, compiled, so
// that nothing is fetched or compiled twice; the program itself receives all others, those that come
// before it listens as soon as it does.
import init from "./worker.js";

// What is thrown by a task of its own reaches the worker as an error of the assistant.
const failed = (error) =>
  setTimeout(() => {
    throw error;
  });

onmessage = ({ data: program }) => {
  const early = [];
  onmessage = (message) => early.push(message);
  const listens = () => early.forEach((message) => onmessage(message));
  init({ module_or_path: program }).then(listens).catch(failed);
};
onmessageerror = () => failed(new Error("the browser does not hand programs over"));
