/* Says what EDFlib finds in an EDF+ file: a line for the file, one for each
   signal, its samples one a line, and one for each annotation. EDFlib reads a
   file only when it obeys the format in every field. */
#include <stdio.h>
#include <stdlib.h>
#include <edflib.h>

int main(int argc, char **argv) {
	static struct edf_hdr_struct h;
	struct edf_annotation_struct a;
	int i, k, *samples;
	if (argc < 2 || edfopen_file_readonly(argv[1], &h, EDFLIB_READ_ALL_ANNOTATIONS)) {
		printf("error %d\n", h.filetype);
		return 1;
	}
	printf("file %d %04d-%02d-%02dT%02d:%02d:%02d.%07lld %lld %s\n", h.filetype, h.startdate_year, h.startdate_month, h.startdate_day,
		h.starttime_hour, h.starttime_minute, h.starttime_second, h.starttime_subsecond, h.datarecord_duration, h.patientcode);
	for (i = 0; i < h.edfsignals; i++) {
		struct edf_param_struct *p = &h.signalparam[i];
		printf("signal %d %d %lld %s\n", p->dig_min, p->smp_in_datarecord, p->smp_in_file, p->label);
		samples = malloc(sizeof(int) * (p->smp_in_file + 1));
		if (edfread_digital_samples(h.handle, i, p->smp_in_file, samples) != p->smp_in_file)
			return 1;
		for (k = 0; k < p->smp_in_file; k++)
			printf("%d\n", samples[k]);
		free(samples);
	}
	for (i = 0; i < h.annotations_in_file; i++) {
		if (edf_get_annotation(h.handle, i, &a))
			return 1;
		printf("note %lld %lld %s\n", a.onset, a.duration_l, a.annotation);
	}
	return edfclose_file(h.handle);
}
