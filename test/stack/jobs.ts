import type { JobResource } from '@runspine/contracts';
import type { Answer, HttpClient } from './http-client.js';
import { until } from './until.js';

/** The job that an answer began, once it ended. @throws Error with the answer, where it is not 202 */
export async function ended(http: HttpClient, answer: Answer, timeoutMs = 60_000): Promise<JobResource> {
  if (answer.status !== 202) throw new Error(`${answer.status} ${answer.text}`);
  const { job_id } = answer.body as { job_id: string };
  return until(
    `${job_id} to end`,
    async () => {
      const job = (await http.get(`/v1/admin/jobs/${job_id}`)).body as JobResource;
      return job.status !== 'running' && job;
    },
    { timeoutMs },
  );
}
