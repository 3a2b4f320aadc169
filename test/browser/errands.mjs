export const errands = {}
