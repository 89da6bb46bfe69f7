export { ANY, type Place, type ResourceKind, type Route, type StoredRoute } from './route.js';
export { SECRET_PREFIX, type Secrets } from './route-options.js';
export { checkRoute, type RoutePolicy, type RouteWriter } from './route-policy.js';
export { RouteRecords } from './route-records.js';
export { ROUTES_MAX, RouteTable, type RouteTableOptions } from './route-table.js';
export { parseStoreUri, type StoreUri } from './route-uri.js';
export { routeSettings, routeWriteSettings } from './settings.js';
