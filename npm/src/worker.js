/** The script of every worker. Its first message decides its role: owner of an engine, thread of an engine, or trainer. */

import { own } from "#platform";
import { packed } from "./errors.js";
import { buffersOf, createService } from "./service.js";
import { join } from "./thread.js";
import { createTrainer } from "./trainer.js";

const answer = createService();
/** @type {ReturnType<typeof createTrainer> | null} */
let trainer = null;

own.listen(async (message) => {
  if (message.type === "thread") return join(message, own.post);
  if (message.type === "train") return (trainer = createTrainer(message, own.post));
  if (message.type === "trainer") return trainer?.tell(message.order);
  const { id } = message;
  try {
    const value = await answer(message, (done, all) => own.post({ id, progress: { done, all } }));
    own.post({ id, value }, buffersOf(value));
  } catch (error) {
    own.post({ id, error: packed(error) });
  }
});
