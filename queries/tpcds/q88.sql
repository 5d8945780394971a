--! title = "Sales of a store in the half hours of a morning"
--! question = "How many items do households of three sizes buy in the stores of one name in each half hour from 8:30 to 12:30?"
--! param.HOUR = { default = [4, 2, 0], count = 3, int = [-1, 4] }
--! deviations = ["the template defines a STORE parameter that its text doesn't use, so there is none here"]

select *
from (
    select count(*) as h8_30_to_9
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 8
        and t_minute >= 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s1
cross join (
    select count(*) as h9_to_9_30
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 9
        and t_minute < 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s2
cross join (
    select count(*) as h9_30_to_10
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 9
        and t_minute >= 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s3
cross join (
    select count(*) as h10_to_10_30
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 10
        and t_minute < 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s4
cross join (
    select count(*) as h10_30_to_11
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 10
        and t_minute >= 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s5
cross join (
    select count(*) as h11_to_11_30
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 11
        and t_minute < 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s6
cross join (
    select count(*) as h11_30_to_12
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 11
        and t_minute >= 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s7
cross join (
    select count(*) as h12_to_12_30
    from store_sales
    join household_demographics on ss_hdemo_sk = hd_demo_sk
    join time_dim on ss_sold_time_sk = t_time_sk
    join store on ss_store_sk = s_store_sk
    where t_hour = 12
        and t_minute < 30
        and (
            (hd_dep_count = {HOUR.1} and hd_vehicle_count <= {HOUR.1} + 2)
            or (hd_dep_count = {HOUR.2} and hd_vehicle_count <= {HOUR.2} + 2)
            or (hd_dep_count = {HOUR.3} and hd_vehicle_count <= {HOUR.3} + 2)
        )
        and s_store_name = 'ese'
) as s8
