import { integerSetting, listSetting } from '@runspine/service';

/** Settings of whoever resolves routes. */
export const routeSettings = {
  routesRefreshMs: integerSetting({
    name: 'RUNSPINE_ROUTES_REFRESH_MS',
    doc: 'How often routes are read from PostgreSQL; a changed one is in force after that.',
    unit: 'ms',
    default: 2000,
    min: 50,
    max: 4000,
  }),
  routeFileRoots: listSetting({
    name: 'RUNSPINE_ROUTE_FILE_ROOTS',
    doc: 'Folders of this machine below which routes may keep files.',
    default: [],
    defaultText: '(none)',
    item: /^(?!.*\/\.{0,2}(\/|$))\/./,
    itemWants: 'an absolute folder without . or ..',
  }),
} as const;

/** Further settings of whoever lets routes be written. */
export const routeWriteSettings = {
  routeCloudRoots: listSetting({
    name: 'RUNSPINE_ROUTE_CLOUD_ROOTS',
    doc: "Where admins of tenants may lead a route with the services' own credentials.",
    default: [],
    defaultText: '(none)',
    item: /^(s3|gs|az):\/\/[a-z0-9][a-z0-9._-]+(\/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*$/,
    itemWants: 's3://bucket/prefix, gs://… or az://…',
  }),
  routeEndpoints: listSetting({
    name: 'RUNSPINE_ROUTE_ENDPOINTS',
    doc: "Servers, beside the providers' own, that admins of tenants may name as an endpoint.",
    default: [],
    defaultText: '(none)',
    item: /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/,
    itemWants: 'https://host:port',
  }),
} as const;
