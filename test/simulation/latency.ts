/**
 * How long a message takes between places. The matrix of the repository follows from a map: light in fibre makes
 * 200 km/ms, cables run about half as far again as the crow flies, and routers add a little. Where the folder of shared
 * vectors has measured times, those are used instead.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sharedVectors } from '../support/shared.ts'

export const PROFILES = ['us-eu', 'world', 'lan'] as const
export type Profile = (typeof PROFILES)[number]

interface Site {
  /** The region's name in the measured matrix. */
  readonly region: string
  /** Degrees, to the nearest half. */
  readonly latitude: number
  readonly longitude: number
}

const SITES = {
  virginia: { region: 'us-east-1', latitude: 39, longitude: -77.5 },
  ohio: { region: 'us-east-2', latitude: 40, longitude: -83 },
  oregon: { region: 'us-west-2', latitude: 45.5, longitude: -120.5 },
  ireland: { region: 'eu-west-1', latitude: 53.5, longitude: -6.5 },
  frankfurt: { region: 'eu-central-1', latitude: 50, longitude: 8.5 },
  stockholm: { region: 'eu-north-1', latitude: 59.5, longitude: 18 },
  saoPaulo: { region: 'sa-east-1', latitude: -23.5, longitude: -46.5 },
  tokyo: { region: 'ap-northeast-1', latitude: 35.5, longitude: 139.5 },
  singapore: { region: 'ap-southeast-1', latitude: 1.5, longitude: 104 },
  sydney: { region: 'ap-southeast-2', latitude: -34, longitude: 151 },
  mumbai: { region: 'ap-south-1', latitude: 19, longitude: 73 },
  capeTown: { region: 'af-south-1', latitude: -34, longitude: 18.5 },
} satisfies Record<string, Site>

const MEMBERS_OF: Readonly<Record<Profile, readonly Site[]>> = {
  'us-eu': [SITES.virginia, SITES.ohio, SITES.oregon, SITES.ireland, SITES.frankfurt, SITES.stockholm],
  world: [
    SITES.virginia,
    SITES.oregon,
    SITES.ireland,
    SITES.frankfurt,
    SITES.saoPaulo,
    SITES.tokyo,
    SITES.singapore,
    SITES.sydney,
    SITES.mumbai,
    SITES.capeTown,
  ],
  lan: [SITES.frankfurt],
}

const EARTH_RADIUS_KM = 6371
const FIBRE_KM_PER_MS = 200
const DETOUR = 1.5
const ROUTERS_MS = 1
/** Within one place. */
const LOCAL_MS = 0.5

/** One-way milliseconds from site to site, by index into the profile's sites. */
export function latencyMatrix(profile: Profile): number[][] {
  const sites = MEMBERS_OF[profile]
  const measured = readMeasured()
  return sites.map((from) =>
    sites.map((to) => {
      if (from === to) return LOCAL_MS
      const roundTripMs = measured?.[from.region]?.[to.region]
      return roundTripMs === undefined ? computedMs(from, to) : roundTripMs / 2
    }),
  )
}

function computedMs(from: Site, to: Site): number {
  return (DETOUR * distanceKm(from, to)) / FIBRE_KM_PER_MS + ROUTERS_MS
}

/** Along a great circle, by the haversine formula. */
function distanceKm(from: Site, to: Site): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180
  const dLatitude = radians(to.latitude - from.latitude)
  const dLongitude = radians(to.longitude - from.longitude)
  const chord =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * Math.sin(dLongitude / 2) ** 2
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(chord))
}

/** Median round trips in milliseconds, by the names of regions. */
type Measured = Readonly<Record<string, Readonly<Record<string, number>>>>

let measuredOnce: Measured | null | undefined

function readMeasured(): Measured | undefined {
  if (measuredOnce === undefined) {
    const path = join(sharedVectors() ?? '', 'net/aws-p50.json')
    // The file's shape is a fact of the test data.
    const file = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { data: Measured }) : undefined
    measuredOnce = file?.data ?? null
  }
  return measuredOnce ?? undefined
}
