import { recordsContract } from '../records.contract.ts';
import { memoryRecords } from './memory-records.ts';

recordsContract('memory records', async () => memoryRecords());
