export { sendError } from '@runspine/service/http';
