import {
  AuditReport,
  DeadLetterContent,
  DeadLetterList,
  JobAccepted,
  JobList,
  JobResource,
  RedriveRequest,
} from '@runspine/contracts';

/** Schemas that the routes of administration refer to by name. */
export const ADMIN_SCHEMAS: Record<string, object> = {
  AuditReport,
  Job: JobResource,
  JobList,
  JobAccepted,
  DeadLetterList,
  DeadLetter: DeadLetterContent,
  RedriveRequest,
};
