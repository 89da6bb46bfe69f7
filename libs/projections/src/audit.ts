export { auditNexus } from './audit/audit-nexus.js';
export { auditStoredHeads, auditTenantHead, compareTenantHead, reportHead } from './audit/audit-heads.js';
export { type AuditedRuns, auditRuns, type RunsToAudit } from './audit/audit-runs.js';
export { inSnapshot, rowsOf } from './audit/cursor.js';
export { type Fault, type Finding, Findings, FINDINGS_MAX } from './audit/findings.js';
export { HeadStore, type RunEnd, tenantHeadIn } from './audit/head-store.js';
export { HeadSigner, type PublishedHeads, type RunHead, type TenantHead } from './audit/signed-heads.js';
