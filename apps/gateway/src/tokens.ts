/** Under these the module of the process's parts gives what has no class of its own: `@Inject(SETTINGS) settings`. */

/** GatewaySettings. */
export const SETTINGS = Symbol('settings');
/** Logger of @runspine/service. */
export const LOGGER = Symbol('logger');
/** KafkaClient of @runspine/kafka. */
export const KAFKA = Symbol('kafka');
